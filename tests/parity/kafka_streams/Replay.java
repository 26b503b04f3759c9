package windowbench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;

/** Runs cases through the topology without a broker: a file of cases in, a file of what came of them out. */
public final class Replay {
    private static final Duration BETWEEN_BATCHES = Duration.ofMillis(1500);

    /**
     * Records of an input topic in batches; all batches of a case are read one after the other.
     *
     * @param settings what the program is given
     * @param batches of records
     */
    record Case(Settings settings, List<List<Record>> batches) {}

    record Record(String topic, byte[] value, long timestampMs) {}

    /**
     * What came of a case.
     *
     * @param rows key and value of each result, for each batch
     */
    record Outcome(List<List<List<String>>> rows, long rejected, Map<String, Long> position) {}

    private Replay() {}

    public static void main(String[] arguments) throws IOException {
        ObjectMapper json = new ObjectMapper();
        Case[] cases = json.readValue(new File(arguments[0]), Case[].class);
        List<Outcome> outcomes = new ArrayList<>();
        for (Case one : cases) {
            outcomes.add(run(one));
        }
        json.writeValue(new File(arguments[1]), outcomes);
    }

    private static Outcome run(Case one) {
        Settings settings = one.settings();
        Progress progress = new Progress(new long[settings.sources()], settings.countingPartitions());
        for (int source = 0; source < settings.sources(); source++) {
            progress.written(source, 0); // there is never anything left to be read
        }
        Properties properties = new Properties();
        properties.putAll(settings.properties());
        List<List<List<String>>> rows = new ArrayList<>();
        try (TopologyTestDriver driver = new TopologyTestDriver(
                Counting.topology(settings, Query.of(settings.workload()), progress), properties, Instant.EPOCH)) {
            TestOutputTopic<String, String> results =
                    driver.createOutputTopic(settings.output(), new StringDeserializer(), new StringDeserializer());
            for (List<Record> batch : one.batches()) {
                for (Record record : batch) {
                    driver.createInputTopic(record.topic(), new ByteArraySerializer(), new ByteArraySerializer())
                            .pipeInput(null, record.value(), record.timestampMs());
                }
                driver.advanceWallClockTime(BETWEEN_BATCHES);
                List<List<String>> ofBatch = new ArrayList<>();
                for (KeyValue<String, String> row : results.readKeyValuesToList()) {
                    ofBatch.add(List.of(row.key, row.value));
                }
                rows.add(ofBatch);
            }
        }
        return new Outcome(rows, progress.rejected(), progress.counted());
    }
}
