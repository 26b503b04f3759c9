package windowbench;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/**
 * What was counted of one key in one window.
 *
 * @param ofKind events of each kind
 * @param produceMs greatest produce time among them
 * @param eventNs greatest event time among them
 */
record Counts(long[] ofKind, long produceMs, long eventNs) {
    static final Serde<Counts> SERDE =
            Serdes.serdeFrom((topic, counts) -> counts.write(), (topic, bytes) -> read(bytes));

    static Counts none(int kinds) {
        return new Counts(new long[kinds], Long.MIN_VALUE, Long.MIN_VALUE);
    }

    Counts plus(Message.Event event) {
        if (event.kind() == Message.Event.NOTHING) {
            return this;
        }
        long[] more = ofKind.clone();
        more[event.kind()]++;
        return new Counts(more, Math.max(produceMs, event.produceMs()), Math.max(eventNs, event.eventNs()));
    }

    long total() {
        long sum = 0;
        for (long count : ofKind) {
            sum += count;
        }
        return sum;
    }

    private byte[] write() {
        ByteBuffer buffer = ByteBuffer.allocate(Long.BYTES * (2 + ofKind.length)).putLong(produceMs).putLong(eventNs);
        buffer.asLongBuffer().put(ofKind);
        return buffer.array();
    }

    private static Counts read(byte[] bytes) {
        if (bytes == null) {
            return null;
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        long produceMs = buffer.getLong();
        long eventNs = buffer.getLong();
        long[] ofKind = new long[buffer.remaining() / Long.BYTES];
        buffer.asLongBuffer().get(ofKind);
        return new Counts(ofKind, produceMs, eventNs);
    }
}
