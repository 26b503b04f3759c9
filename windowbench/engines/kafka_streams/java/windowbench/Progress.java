package windowbench;

import java.util.BitSet;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * How far the engine is. Tasks write to it from their threads, and a task that moves to another thread finds here what
 * it knew.
 *
 * <p>An event of a source counts behind the counting topic, in one of its partitions; which partitions a source's
 * events went to nobody needs to know: from time to time each source sends a mark to all of them, and what every
 * partition has seen the mark of is counted.
 */
final class Progress {
    static final long NONE = Long.MIN_VALUE;
    static final long EVER = Long.MAX_VALUE;

    private final int sources;
    private final int partitions;
    private final AtomicLongArray read;
    private final AtomicLongArray readTimes;
    private final AtomicLongArray written;
    private final AtomicLongArray rejected;
    private final AtomicLongArray seen;
    private final AtomicLongArray seenTimes;
    private final AtomicLongArray counted;
    private final AtomicLongArray times;
    private final BitSet[] ends;

    /** Begins where the sources begin, whose offsets are given by their number. */
    Progress(long[] begins, int countingPartitions) {
        sources = begins.length;
        partitions = countingPartitions;
        read = new AtomicLongArray(begins);
        readTimes = filled(sources, NONE);
        written = filled(sources, EVER);
        rejected = new AtomicLongArray(sources);
        seen = new AtomicLongArray(sources * partitions);
        seenTimes = filled(sources * partitions, NONE);
        counted = new AtomicLongArray(sources * partitions);
        times = filled(partitions, NONE);
        ends = new BitSet[partitions];
        for (int partition = 0; partition < partitions; partition++) {
            ends[partition] = new BitSet();
            for (int source = 0; source < sources; source++) {
                seen.set(place(partition, source), begins[source]);
            }
            settle(partition);
        }
    }

    // --- of a source, in front of the counting topic ---

    void read(int source, long offset) {
        read.set(source, offset + 1);
    }

    void readTime(int source, long eventMs) {
        raise(readTimes, source, eventMs);
    }

    /** Notes how much there is of a source, by its next offset to be written. */
    void written(int source, long offset) {
        written.set(source, offset);
    }

    /** Whether nothing of a source is left to be read, as far as it is known how much there is. */
    boolean readToEnd(int source) {
        return read.get(source) >= written.get(source);
    }

    void reject(int source) {
        rejected.incrementAndGet(source);
    }

    long position(int source) {
        return read.get(source);
    }

    long readTime(int source) {
        return readTimes.get(source);
    }

    // --- of a partition of the counting topic ---

    void mark(int partition, Message.Mark mark) {
        seen.set(place(partition, mark.source()), mark.position());
        if (!ends[partition].get(mark.source())) {
            seenTimes.set(place(partition, mark.source()), mark.timeMs());
        }
    }

    void end(int partition, int source) {
        ends[partition].set(source);
        seenTimes.set(place(partition, source), EVER);
    }

    /** Whether a partition has seen END of every source. */
    boolean ended(int partition) {
        return ends[partition].cardinality() == sources;
    }

    /** Returns the event time that every source has come to. */
    long reached(int partition) {
        long least = EVER;
        for (int source = 0; source < sources; source++) {
            least = Math.min(least, seenTimes.get(place(partition, source)));
        }
        return least;
    }

    /** Notes that everything that a partition has seen is counted. */
    void settle(int partition) {
        for (int source = 0; source < sources; source++) {
            counted.set(place(partition, source), seen.get(place(partition, source)));
        }
    }

    void time(int partition, long eventMs) {
        raise(times, partition, eventMs);
    }

    /** Returns the greatest event time that was counted in a partition. */
    OptionalLong time(int partition) {
        long time = times.get(partition);
        return time == NONE ? OptionalLong.empty() : OptionalLong.of(time);
    }

    // --- of all ---

    /** Returns for each source, by its number as text, the offset before which all is counted. */
    Map<String, Long> counted() {
        Map<String, Long> positions = new TreeMap<>();
        for (int source = 0; source < sources; source++) {
            long least = EVER;
            for (int partition = 0; partition < partitions; partition++) {
                least = Math.min(least, counted.get(place(partition, source)));
            }
            positions.put(Integer.toString(source), least);
        }
        return positions;
    }

    long rejected() {
        long sum = 0;
        for (int source = 0; source < sources; source++) {
            sum += rejected.get(source);
        }
        return sum;
    }

    /** Returns the greatest event time of all that was counted. */
    OptionalLong time() {
        long greatest = NONE;
        for (int partition = 0; partition < partitions; partition++) {
            greatest = Math.max(greatest, times.get(partition));
        }
        return greatest == NONE ? OptionalLong.empty() : OptionalLong.of(greatest);
    }

    private int place(int partition, int source) {
        return partition * sources + source;
    }

    /** Each place has one writer at a time, the thread of its task. */
    private static void raise(AtomicLongArray array, int place, long value) {
        if (value > array.get(place)) {
            array.set(place, value);
        }
    }

    private static AtomicLongArray filled(int length, long value) {
        AtomicLongArray array = new AtomicLongArray(length);
        for (int place = 0; place < length; place++) {
            array.set(place, value);
        }
        return array;
    }
}
