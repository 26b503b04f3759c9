package windowbench;

import java.time.Duration;
import java.util.Arrays;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;

/**
 * Reads events, gives them their event time and their key, counts what is none, and marks how far it is: some times a
 * second, and whenever event time has gone on by a step, which is more often where there is much to catch up with.
 */
final class Source implements Processor<byte[], byte[], Long, Message> {
    private static final Duration MARK_EVERY = Duration.ofMillis(50);
    private static final long MARK_STEP_MS = 100;

    private final Settings settings;
    private final EventReader reader;
    private final Progress progress;
    private ProcessorContext<Long, Message> context;
    private Message.Mark[] marked;
    /** Marks since the last record, for each input topic. */
    private int[] quiet;

    Source(Settings settings, Query query, Progress progress) {
        this.settings = settings;
        this.reader = new EventReader(settings, query);
        this.progress = progress;
    }

    @Override
    public void init(ProcessorContext<Long, Message> context) {
        this.context = context;
        marked = new Message.Mark[settings.inputs().size()];
        quiet = new int[marked.length];
        Arrays.fill(marked, new Message.Mark(-1, -1, Progress.NONE));
        context.schedule(MARK_EVERY, PunctuationType.WALL_CLOCK_TIME, this::markAll);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        RecordMetadata at = context.recordMetadata().orElseThrow();
        int source = settings.source(at.topic(), at.partition());
        int topic = settings.inputs().indexOf(at.topic());
        quiet[topic] = 0;
        reader.read(record.value(), record.timestamp(), at.topic(), at.partition())
                .ifPresentOrElse(message -> forward(source, message, record), () -> progress.reject(source));
        progress.read(source, at.offset());
        long before = marked[topic].timeMs();
        if (before == Progress.EVER || progress.readTime(source) >= before + MARK_STEP_MS) {
            mark(topic, record.timestamp());
        }
    }

    /** Sends a message on; END at the time of its record, as its own event time is further off than a broker allows. */
    private void forward(int source, KeyValue<Long, Message> message, Record<byte[], byte[]> record) {
        long timestamp = record.timestamp();
        if (message.value instanceof Message.Event event) {
            timestamp = event.eventNs() / EventReader.NS_PER_MS;
            progress.readTime(source, timestamp);
        }
        context.forward(new Record<>(message.key, message.value, timestamp));
    }

    private boolean isIdle(int topic, int source) {
        return settings.idleMs() > 0
                && quiet[topic] * MARK_EVERY.toMillis() >= settings.idleMs()
                && progress.readToEnd(source);
    }

    private void markAll(long nowMs) {
        for (int topic = 0; topic < marked.length; topic++) {
            quiet[topic]++;
            mark(topic, nowMs);
        }
    }

    /** Says how far a partition of this task has been read; a task has one of each input topic. */
    private void mark(int topic, long timestamp) {
        int source = topic * settings.partitions() + context.taskId().partition();
        long time = isIdle(topic, source) ? Progress.EVER : progress.readTime(source);
        Message.Mark mark = new Message.Mark(source, progress.position(source), time);
        if (!mark.equals(marked[topic])) {
            context.forward(new Record<>(Message.NO_KEY, mark, timestamp));
            marked[topic] = mark;
        }
    }
}
