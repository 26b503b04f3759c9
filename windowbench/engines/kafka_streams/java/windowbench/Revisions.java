package windowbench;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Makes first values and revisions of windows that are updated with every event.
 *
 * <p>A window is held back until the watermark has reached its end; then it is emitted, and again with every late event
 * of it. When the watermark is the allowed lateness beyond its end, it is forgotten.
 */
final class Revisions implements Processor<Windowed<Long>, Counts, String, String> {
    static final String STORE = "revisions";

    /** What was counted, and the number of the next row. */
    record Value(Counts counts, int revision) {
        static final Serde<Value> SERDE = Serdes.serdeFrom(
                (topic, value) -> {
                    byte[] counts = Counts.SERDE.serializer().serialize(topic, value.counts);
                    return ByteBuffer.allocate(4 + counts.length).putInt(value.revision).put(counts).array();
                },
                (topic, bytes) -> {
                    if (bytes == null) {
                        return null;
                    }
                    ByteBuffer buffer = ByteBuffer.wrap(bytes);
                    int revision = buffer.getInt();
                    byte[] counts = new byte[buffer.remaining()];
                    buffer.get(counts);
                    return new Value(Counts.SERDE.deserializer().deserialize(topic, counts), revision);
                });
    }

    private final Settings settings;
    private final Query query;
    private ProcessorContext<String, String> context;
    /** By the end of the window and the key. */
    private KeyValueStore<TimeKey, Value> store;
    private long watermark = -1;

    Revisions(Settings settings, Query query) {
        this.settings = settings;
        this.query = query;
    }

    @Override
    public void init(ProcessorContext<String, String> context) {
        this.context = context;
        store = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<Windowed<Long>, Counts> record) {
        advance(record.timestamp() - settings.delayMs(), record.timestamp());
        if (record.value().total() == 0) {
            return;
        }
        TimeKey cell = new TimeKey(record.key().window().end(), record.key().key());
        Value before = store.get(cell);
        Value now = new Value(record.value(), before == null ? 0 : before.revision);
        store.put(cell, cell.timeMs() > watermark ? now : emitted(cell, now, record.timestamp()));
    }

    /** Emits the first values of windows whose end the watermark has come to, and forgets those that are final. */
    private void advance(long to, long timestamp) {
        if (to <= watermark || to / settings.slideMs() == watermark / settings.slideMs() && aligned()) {
            watermark = Math.max(watermark, to);
            return;
        }
        for (KeyValue<TimeKey, Value> held : range(watermark + 1, to)) {
            if (held.value.revision == 0) {
                store.put(held.key, emitted(held.key, held.value, timestamp));
            }
        }
        long lastFinal = Math.max(0, watermark - settings.latenessMs());
        for (KeyValue<TimeKey, Value> last : range(lastFinal, to - settings.latenessMs())) {
            store.delete(last.key);
        }
        watermark = to;
    }

    /** Whether windows end at multiples of the slide. */
    private boolean aligned() {
        return settings.sizeMs() % settings.slideMs() == 0;
    }

    private List<KeyValue<TimeKey, Value>> range(long from, long to) {
        List<KeyValue<TimeKey, Value>> found = new ArrayList<>();
        if (to >= from) {
            try (KeyValueIterator<TimeKey, Value> cells = store.range(TimeKey.first(from), TimeKey.last(to))) {
                cells.forEachRemaining(found::add);
            }
        }
        return found;
    }

    private Value emitted(TimeKey cell, Value value, long timestamp) {
        long start = cell.timeMs() - settings.sizeMs();
        String row = query.row(settings.runId(), cell.number(), start, cell.timeMs(), value.counts, value.revision);
        context.forward(new Record<>(cell.number() + ":" + start, row, timestamp));
        return new Value(value.counts, value.revision + 1);
    }
}
