package windowbench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * What one start of the engine is given, as the JSON file holds it.
 *
 * @param workload name of the query
 * @param runId goes into every row; only an END with this id counts
 * @param inputs topics of events; their partitions are numbered through, topic by topic
 * @param output topic of results
 * @param partitions of each input topic
 * @param countingPartitions of the topic through which events come together by their key
 * @param sizeMs length of a window
 * @param slideMs distance between window starts
 * @param delayMs how far the watermark stays behind the greatest event time
 * @param latenessMs how long after that late events still revise a result; 0 where none does
 * @param skewMs how far one source may be ahead of another
 * @param idleMs after how long without a record a source holds nothing back; 0: it always does
 * @param endEventTimeNs event time of END
 * @param guardPastMs how far an event time may lie before the record's own timestamp
 * @param guardFutureMs how far behind it
 * @param properties settings of Kafka Streams and its clients
 */
record Settings(
        String workload,
        String runId,
        List<String> inputs,
        String output,
        int partitions,
        int countingPartitions,
        long sizeMs,
        long slideMs,
        long delayMs,
        long latenessMs,
        long skewMs,
        long idleMs,
        long endEventTimeNs,
        long guardPastMs,
        long guardFutureMs,
        Map<String, String> properties) {

    static Settings read(String path) throws IOException {
        return new ObjectMapper().readValue(new File(path), Settings.class);
    }

    /** How many partitions hold events. */
    int sources() {
        return inputs.size() * partitions;
    }

    /** The number of a partition of an input topic. */
    int source(String topic, int partition) {
        return inputs.indexOf(topic) * partitions + partition;
    }

    /** How long after its end a window still counts what comes, in stream time. */
    long graceMs() {
        return delayMs + latenessMs;
    }
}
