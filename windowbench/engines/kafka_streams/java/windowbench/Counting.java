package windowbench;

import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.TimeWindowedKStream;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.StreamPartitioner;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * The topology: read, bring together by key, count by window, write.
 *
 * <p>Rows leave a window when it closes ({@link EmitStrategy#onWindowClose}), or, where late events revise it, by way
 * of {@link Revisions}. Suppressing updates until a window closes would say the same, but its buffer sees an update
 * only when a commit empties the cache, which is every 30 s in a Kafka Streams as it comes.
 */
final class Counting {
    /**
     * A window is kept in its store for so long at least: one that is older than that when it closes is lost.
     *
     * <p>The store has segments of half this length, and its cache, when it is first asked for windows that have
     * closed, goes through all of them since 1970: with segments of half an hour that took ten seconds, in which
     * nothing was counted.
     */
    private static final Duration LEAST_RETENTION = Duration.ofDays(30);

    private Counting() {}

    static Topology topology(Settings settings, Query query, Progress progress) {
        StreamsBuilder builder = new StreamsBuilder(new TopologyConfig(new StreamsConfig(settings.properties())));
        builder.addStateStore(Stores.keyValueStoreBuilder(
                        Stores.inMemoryKeyValueStore(Gate.STORE), TimeKey.SERDE, Gate.Waiting.SERDE)
                .withCachingEnabled());
        KStream<Long, Message> read = builder.stream(
                        settings.inputs(),
                        Consumed.with(Serdes.ByteArray(), Serdes.ByteArray())
                                .withTimestampExtractor(Counting::timestamp))
                .process(() -> new Source(settings, query, progress));
        KStream<Long, Message.Event> events = read.repartition(Repartitioned.<Long, Message>as("events")
                        .withKeySerde(Serdes.Long())
                        .withValueSerde(Message.SERDE)
                        .withNumberOfPartitions(settings.countingPartitions())
                        .withStreamPartitioner(partitioner(settings.countingPartitions())))
                .processValues(() -> new Gate(settings, progress), Gate.STORE);
        TimeWindowedKStream<Long, Message.Event> windows =
                events.groupByKey(Grouped.keySerde(Serdes.Long())).windowedBy(windows(settings));
        KStream<String, String> rows = settings.latenessMs() == 0
                ? closed(windows, settings, query)
                : revised(builder, windows, settings, query);
        rows.to(settings.output(), Produced.with(Serdes.String(), Serdes.String()));
        return builder.build();
    }

    /** A record without a timestamp would end the program; 1970 is no time that an event is believed at. */
    private static long timestamp(ConsumerRecord<Object, Object> record, long partitionTime) {
        return Math.max(0, record.timestamp());
    }

    private static TimeWindows windows(Settings settings) {
        return TimeWindows.ofSizeAndGrace(Duration.ofMillis(settings.sizeMs()), Duration.ofMillis(settings.graceMs()))
                .advanceBy(Duration.ofMillis(settings.slideMs()));
    }

    /** An event goes to the partition of its key; marks and END go to all. */
    private static StreamPartitioner<Long, Message> partitioner(int partitions) {
        Set<Integer> all = IntStream.range(0, partitions).boxed().collect(Collectors.toUnmodifiableSet());
        return (topic, key, message, count) ->
                Optional.of(message instanceof Message.Event ? Set.of(Math.floorMod(spread(key), count)) : all);
    }

    /** Keys follow each other, and so would their partitions if this did not mix them. */
    private static int spread(long key) {
        return Long.hashCode(key * 0x9E3779B97F4A7C15L);
    }

    private static KStream<String, String> closed(
            TimeWindowedKStream<Long, Message.Event> windows, Settings settings, Query query) {
        return windows.emitStrategy(EmitStrategy.onWindowClose())
                .aggregate(() -> Counts.none(kinds(query)), (key, event, counts) -> counts.plus(event), store(settings))
                .toStream()
                .filter((window, counts) -> counts.total() > 0)
                .map((window, counts) -> row(settings, query, window, counts));
    }

    private static KStream<String, String> revised(
            StreamsBuilder builder, TimeWindowedKStream<Long, Message.Event> windows, Settings settings, Query query) {
        builder.addStateStore(Stores.keyValueStoreBuilder(
                        Stores.inMemoryKeyValueStore(Revisions.STORE), TimeKey.SERDE, Revisions.Value.SERDE)
                .withCachingEnabled());
        return windows.aggregate(
                        () -> Counts.none(kinds(query)),
                        (key, event, counts) -> counts.plus(event),
                        store(settings).withCachingDisabled())
                .toStream()
                .process(() -> new Revisions(settings, query), Revisions.STORE);
    }

    private static Materialized<Long, Counts, WindowStore<Bytes, byte[]>> store(Settings settings) {
        Duration kept = LEAST_RETENTION.plusMillis(2 * (settings.sizeMs() + settings.graceMs()));
        return Materialized.<Long, Counts, WindowStore<Bytes, byte[]>>as("counts")
                .withKeySerde(Serdes.Long())
                .withValueSerde(Counts.SERDE)
                .withRetention(kept);
    }

    private static int kinds(Query query) {
        return query.kinds().stream().mapToInt(java.util.List::size).sum();
    }

    private static KeyValue<String, String> row(Settings settings, Query query, Windowed<Long> window, Counts counts) {
        long start = window.window().start();
        String row = query.row(settings.runId(), window.key(), start, window.window().end(), counts, 0);
        return KeyValue.pair(window.key() + ":" + start, row);
    }
}
