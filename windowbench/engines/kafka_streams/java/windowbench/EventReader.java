package windowbench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.streams.KeyValue;

/**
 * Reads the records of the input topics, strictly, and without ever failing on one.
 *
 * <p>A good event has a kind that its topic holds, integers of 64 bits for key, event time and produce time, and an
 * event time within the guard around the record's own timestamp. END is looked at first and is exempt from the guard.
 * Of a field that is repeated the last counts.
 */
final class EventReader {
    private static final JsonFactory JSON = new JsonFactory();
    static final long NS_PER_MS = 1_000_000;
    private static final char REPLACEMENT = '\uFFFD';

    private final Settings settings;
    private final List<List<String>> kinds;
    private final String keyField;

    EventReader(Settings settings, Query query) {
        this.settings = settings;
        this.kinds = query.kinds();
        this.keyField = query.key();
    }

    /** Returns key and message of a record; nothing when it must be rejected. */
    Optional<KeyValue<Long, Message>> read(byte[] value, long recordMs, String topic, int partition) {
        if (value == null) {
            return Optional.empty();
        }
        String type = null;
        String runId = null;
        Long key = null;
        Long eventNs = null;
        Long produceMs = null;
        try (JsonParser parser = JSON.createParser(text(value))) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                return Optional.empty();
            }
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                JsonToken token = parser.nextToken();
                if (name.equals("event_type")) {
                    type = token == JsonToken.VALUE_STRING ? parser.getText() : null;
                } else if (name.equals("event_time_ns")) {
                    eventNs = integer(parser, token);
                } else if (name.equals("produce_time")) {
                    produceMs = integer(parser, token);
                } else if (name.equals(keyField)) {
                    key = integer(parser, token);
                } else if (name.equals("run_id")) {
                    runId = token == JsonToken.VALUE_STRING ? parser.getText() : null;
                }
                parser.skipChildren();
            }
            if (parser.nextToken() != null) {
                return Optional.empty();
            }
        } catch (IOException malformed) {
            return Optional.empty();
        }
        if (type == null || eventNs == null) {
            return Optional.empty();
        }
        if (type.equals("END")) {
            boolean own = settings.runId().equals(runId) && eventNs == settings.endEventTimeNs();
            return own
                    ? Optional.of(KeyValue.pair(Message.NO_KEY, new Message.End(settings.source(topic, partition))))
                    : Optional.empty();
        }
        int kind = kind(topic, type);
        if (kind < 0 || key == null || produceMs == null || !believed(eventNs, recordMs)) {
            return Optional.empty();
        }
        return Optional.of(KeyValue.pair(key, new Message.Event(kind, eventNs, produceMs)));
    }

    private int kind(String topic, String type) {
        int before = 0;
        for (int i = 0; i < kinds.size(); i++) {
            if (settings.inputs().get(i).equals(topic)) {
                int found = kinds.get(i).indexOf(type);
                return found < 0 ? -1 : before + found;
            }
            before += kinds.get(i).size();
        }
        return -1;
    }

    private boolean believed(long eventNs, long recordMs) {
        long floorMs = Math.floorDiv(eventNs, NS_PER_MS);
        long ceilingMs = -Math.floorDiv(-eventNs, NS_PER_MS);
        return eventNs >= 0
                && floorMs + settings.guardPastMs() >= recordMs
                && ceilingMs - settings.guardFutureMs() <= recordMs;
    }

    private static Long integer(JsonParser parser, JsonToken token) throws IOException {
        boolean fits = token == JsonToken.VALUE_NUMBER_INT
                && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
        return fits ? parser.getLongValue() : null;
    }

    /** Decodes UTF-8; what is none would be replaced in silence, and the replacement shows that. */
    private static String text(byte[] value) throws CharacterCodingException {
        String text = new String(value, StandardCharsets.UTF_8);
        if (text.indexOf(REPLACEMENT) >= 0) {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(value));
        }
        return text;
    }
}
