package windowbench;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** What goes through the topic in which events come together by their key. */
sealed interface Message {
    /** Key of what concerns every partition; no event is told by it. */
    long NO_KEY = 0;

    int BYTES = 25;

    Serde<Message> SERDE = Serdes.serdeFrom((topic, message) -> write(message), (topic, bytes) -> read(bytes));

    /**
     * An event, or (with {@link #NOTHING} as its kind) the passing of time alone.
     *
     * @param kind number of its kind, over all input topics
     */
    record Event(int kind, long eventNs, long produceMs) implements Message {
        static final int NOTHING = -1;
    }

    /**
     * How far a source has been read: all that came of it before has been sent on, and so stands before this message.
     *
     * @param position the next offset to be read
     * @param timeMs greatest event time so far; the greatest time there is for a source that has nothing to be read
     */
    record Mark(int source, long position, long timeMs) implements Message {}

    /** END of a source. */
    record End(int source) implements Message {}

    private static byte[] write(Message message) {
        ByteBuffer buffer = ByteBuffer.allocate(BYTES);
        if (message instanceof Event event) {
            buffer.put((byte) event.kind).putLong(event.eventNs).putLong(event.produceMs);
        } else if (message instanceof Mark mark) {
            buffer.put((byte) -1).putLong(mark.source).putLong(mark.position).putLong(mark.timeMs);
        } else if (message instanceof End end) {
            buffer.put((byte) -2).putLong(end.source);
        }
        return buffer.array();
    }

    private static Message read(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        int tag = buffer.get();
        long first = buffer.getLong();
        return switch (tag) {
            case -1 -> new Mark((int) first, buffer.getLong(), buffer.getLong());
            case -2 -> new End((int) first);
            default -> new Event(tag, first, buffer.getLong());
        };
    }
}
