package windowbench;

import com.fasterxml.jackson.core.io.JsonStringEncoder;

/** Writes a flat JSON object of numbers, which begins with the run id. */
final class Row {
    private final StringBuilder text = new StringBuilder(320);

    Row(String runId) {
        text.append("{\"run_id\":\"").append(JsonStringEncoder.getInstance().quoteAsString(runId)).append('"');
    }

    Row with(String name, long value) {
        text.append(",\"").append(name).append("\":").append(value);
        return this;
    }

    /** Adds a quotient, null where there is nothing to divide by. */
    Row with(String name, long part, long whole) {
        text.append(",\"").append(name).append("\":");
        if (whole == 0) {
            text.append("null");
        } else {
            text.append((double) part / (double) whole);
        }
        return this;
    }

    String json() {
        return text + "}";
    }
}
