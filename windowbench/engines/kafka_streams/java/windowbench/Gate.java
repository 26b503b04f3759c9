package windowbench;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.InternalFixedKeyRecordFactory;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Stands between the counting topic and the windows: lets events through, notes marks, and makes the passing of time of
 * END.
 *
 * <p>Stream time is the greatest event time of all that came, of whichever source. A source that is read more slowly
 * than another, as happens after every pause that they catch up with, would find its windows closed. So an event waits
 * here as long as it is ahead of the slowest source by more than the skew that does no harm; in the steady state of a
 * run none is. What waits is in a store, so that it is lost no more than what was counted.
 *
 * <p>Every source's END comes to every counting partition. When all are there, time passes by as much as closes every
 * window that an event can be in, and no more: a store of windows forgets what is older than its retention before the
 * windows that have closed are looked up in it.
 *
 * <p>Windows that have closed are looked for when something comes, and not always: at most once in the interval that
 * Kafka Streams keeps between two looks. So the passing of time is said again and again.
 */
final class Gate implements FixedKeyProcessor<Long, Message, Message.Event> {
    static final String STORE = "waiting";
    private static final Duration AGAIN = Duration.ofMillis(100);

    /** An event with its key. */
    record Waiting(long key, Message.Event event) {
        static final Serde<Waiting> SERDE = Serdes.serdeFrom(
                (topic, waiting) -> {
                    byte[] event = Message.SERDE.serializer().serialize(topic, waiting.event);
                    return ByteBuffer.allocate(Long.BYTES + event.length).putLong(waiting.key).put(event).array();
                },
                (topic, bytes) -> bytes == null ? null : read(topic, ByteBuffer.wrap(bytes)));

        private static Waiting read(String topic, ByteBuffer buffer) {
            long key = buffer.getLong();
            byte[] event = new byte[buffer.remaining()];
            buffer.get(event);
            return new Waiting(key, (Message.Event) Message.SERDE.deserializer().deserialize(topic, event));
        }
    }

    private final Settings settings;
    private final Progress progress;
    private FixedKeyProcessorContext<Long, Message.Event> context;
    private KeyValueStore<TimeKey, Waiting> store;
    private int partition;
    /** What is in the store: to go through a store means to go through all that its cache has deleted, too. */
    private final TreeMap<TimeKey, Waiting> waiting = new TreeMap<>();

    private FixedKeyRecord<Long, Message.Event> passing;

    Gate(Settings settings, Progress progress) {
        this.settings = settings;
        this.progress = progress;
    }

    @Override
    public void init(FixedKeyProcessorContext<Long, Message.Event> context) {
        this.context = context;
        store = context.getStateStore(STORE);
        partition = context.taskId().partition();
        try (KeyValueIterator<TimeKey, Waiting> stored = store.all()) {
            stored.forEachRemaining(one -> waiting.put(one.key, one.value));
        }
        context.schedule(AGAIN, PunctuationType.WALL_CLOCK_TIME, now -> sayAgain());
    }

    @Override
    public void process(FixedKeyRecord<Long, Message> record) {
        Message message = record.value();
        if (message instanceof Message.Event event) {
            if (record.timestamp() <= bound()) {
                count(record.withValue(event));
            } else {
                hold(record.key(), event, record.timestamp());
            }
            return;
        }
        if (message instanceof Message.Mark mark) {
            progress.mark(partition, mark);
        } else if (message instanceof Message.End end) {
            progress.end(partition, end.source());
        }
        release();
        if (progress.ended(partition)) {
            progress.time(partition).ifPresent(time -> pass(record, time));
        }
    }

    /** Up to which event time nothing waits. */
    private long bound() {
        long reached = progress.reached(partition);
        return reached == Progress.EVER ? reached : reached + settings.skewMs();
    }

    private void count(FixedKeyRecord<Long, Message.Event> event) {
        progress.time(partition, event.timestamp());
        context.forward(event);
    }

    private void hold(long key, Message.Event event, long timestamp) {
        TimeKey place = new TimeKey(timestamp, context.recordMetadata().orElseThrow().offset());
        Waiting one = new Waiting(key, event);
        store.put(place, one);
        waiting.put(place, one);
    }

    private void release() {
        long bound = bound();
        while (!waiting.isEmpty() && waiting.firstKey().timeMs() <= bound) {
            Map.Entry<TimeKey, Waiting> first = waiting.pollFirstEntry();
            store.delete(first.getKey());
            count(InternalFixedKeyRecordFactory.create(new Record<>(
                    first.getValue().key, first.getValue().event, first.getKey().timeMs())));
        }
        if (waiting.isEmpty()) {
            progress.settle(partition);
        }
    }

    private void pass(FixedKeyRecord<Long, Message> last, long timeMs) {
        long beyond = timeMs + settings.sizeMs() + settings.graceMs();
        passing = last.withValue(new Message.Event(Message.Event.NOTHING, 0, 0)).withTimestamp(beyond);
        context.forward(passing);
    }

    private void sayAgain() {
        if (passing != null) {
            context.forward(passing);
        }
    }
}
