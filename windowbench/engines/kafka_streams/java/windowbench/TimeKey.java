package windowbench;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/**
 * Key of a store that is gone through in the order of time.
 *
 * @param timeMs not negative
 * @param number tells apart what is of one time
 */
record TimeKey(long timeMs, long number) implements Comparable<TimeKey> {
    static final Serde<TimeKey> SERDE = Serdes.serdeFrom(
            (topic, key) -> ByteBuffer.allocate(2 * Long.BYTES).putLong(key.timeMs).putLong(key.number).array(),
            (topic, bytes) -> {
                ByteBuffer buffer = ByteBuffer.wrap(bytes);
                return new TimeKey(buffer.getLong(), buffer.getLong());
            });

    @Override
    public int compareTo(TimeKey other) {
        return timeMs == other.timeMs ? Long.compareUnsigned(number, other.number) : Long.compare(timeMs, other.timeMs);
    }

    /** The least key of a time: numbers are ordered by their bytes, where those below 0 come last. */
    static TimeKey first(long timeMs) {
        return new TimeKey(timeMs, 0);
    }

    /** The greatest key of a time. */
    static TimeKey last(long timeMs) {
        return new TimeKey(timeMs, -1);
    }
}
