package windowbench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.types.Password;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * The engine: runs the topology of one file of settings, and says on standard output how far it is, a JSON object a
 * line.
 *
 * <p>SIGTERM is its normal end, with exit code 0; a failure is said, and ends it with exit code 10.
 */
public final class KafkaStreamsJob {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int FAILED = 10;
    private static final long SAY_EVERY_MS = 100;
    private static final int TURNS_BETWEEN_LOOKS = 4;
    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(6);
    private static final int ADMIN_SECONDS = 20;
    private static final int CLEAN_UP_SECONDS = 2;

    private final Settings settings;
    private final Progress progress;
    private final KafkaStreams streams;
    private volatile Throwable failure;

    private KafkaStreamsJob(Settings settings, Progress progress) {
        Properties properties = new Properties();
        properties.putAll(settings.properties());
        this.settings = settings;
        this.progress = progress;
        streams = new KafkaStreams(Counting.topology(settings, Query.of(settings.workload()), progress), properties);
        streams.setUncaughtExceptionHandler(error -> {
            failure = error;
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
    }

    public static void main(String[] arguments) throws InterruptedException, IOException {
        Settings settings = Settings.read(arguments[0]);
        new File(arguments[0]).delete(); // it may hold credentials, and nobody needs it any more
        try {
            say("settings", Map.of("effective", effective(settings)));
            Progress progress = new Progress(begins(settings), settings.countingPartitions());
            KafkaStreamsJob job = new KafkaStreamsJob(settings, progress);
            Runtime.getRuntime().addShutdownHook(new Thread(job::end));
            job.run();
        } catch (ExecutionException | TimeoutException | RuntimeException error) {
            say("error", Map.of("message", words(error)));
            System.exit(FAILED);
        }
    }

    /** Notes how much there is of the sources, when the broker has answered. */
    private void lookForEnds(Admin admin) {
        offsets(admin, settings, OffsetSpec.latest()).whenComplete((found, error) -> {
            if (error == null) {
                found.forEach((at, end) -> progress.written(settings.source(at.topic(), at.partition()), end.offset()));
            }
        });
    }

    private void run() throws InterruptedException {
        try {
            streams.start();
        } catch (RuntimeException error) {
            failure = error;
        }
        boolean ready = false;
        Map<String, Object> last = Map.of();
        Admin admin = admin(settings);
        for (int turn = 0; failure == null; turn++) {
            if (turn % TURNS_BETWEEN_LOOKS == 0) {
                lookForEnds(admin);
            }
            if (!ready && isReady()) {
                ready = true;
                say("ready", Map.of());
            }
            Map<String, Object> now = message();
            if (ready && !now.equals(last)) {
                say("progress", now);
                last = now;
            }
            Thread.sleep(SAY_EVERY_MS);
        }
        say("error", Map.of("message", words(failure)));
        System.exit(FAILED);
    }

    /** Whether every task has a thread that runs it. */
    private boolean isReady() {
        int tasks = streams.metadataForLocalThreads().stream()
                .mapToInt(thread -> thread.activeTasks().size())
                .sum();
        return streams.state() == KafkaStreams.State.RUNNING
                && tasks == settings.partitions() + settings.countingPartitions();
    }

    private Map<String, Object> message() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("rejected", progress.rejected());
        fields.put("position", progress.counted());
        long delayMs = settings.delayMs();
        fields.put("watermark_ms", progress.time().isEmpty() ? null : progress.time().getAsLong() - delayMs);
        return fields;
    }

    /** Ends the JVM, whatever asked for it: a shutdown hook decides by which exit code. */
    private void end() {
        streams.close(CLOSE_WITHIN);
        deleteState();
        deleteOwnTopics();
        Runtime.getRuntime().halt(failure == null ? 0 : FAILED);
    }

    private void deleteState() {
        try {
            Utils.delete(new File(settings.properties().get(StreamsConfig.STATE_DIR_CONFIG)));
        } catch (IOException error) {
            System.err.println("files of Kafka Streams are left: " + words(error));
        }
    }

    /** Deletes the topics that Kafka Streams made for itself, which nobody needs after the run. */
    private void deleteOwnTopics() {
        try (Admin admin = admin(settings)) {
            String prefix = settings.properties().get(StreamsConfig.APPLICATION_ID_CONFIG) + "-";
            Set<String> own = admin.listTopics().names().get(CLEAN_UP_SECONDS, TimeUnit.SECONDS).stream()
                    .filter(name -> name.startsWith(prefix))
                    .collect(Collectors.toSet());
            admin.deleteTopics(own).all().get(CLEAN_UP_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException | InterruptedException error) {
            System.err.println("topics of Kafka Streams are left: " + words(error));
        }
    }

    private static Admin admin(Settings settings) {
        return Admin.create(new StreamsConfig(settings.properties()).getAdminConfigs("windowbench"));
    }

    /** Returns where the sources begin, by their number. */
    private static long[] begins(Settings settings) throws ExecutionException, InterruptedException, TimeoutException {
        long[] begins = new long[settings.sources()];
        try (Admin admin = admin(settings)) {
            offsets(admin, settings, OffsetSpec.earliest())
                    .get(ADMIN_SECONDS, TimeUnit.SECONDS)
                    .forEach((at, begin) -> begins[settings.source(at.topic(), at.partition())] = begin.offset());
        }
        return begins;
    }

    private static KafkaFuture<Map<TopicPartition, ListOffsetsResultInfo>> offsets(
            Admin admin, Settings settings, OffsetSpec which) {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        for (String topic : settings.inputs()) {
            for (int partition = 0; partition < settings.partitions(); partition++) {
                wanted.put(new TopicPartition(topic, partition), which);
            }
        }
        return admin.listOffsets(wanted).all();
    }

    /** Returns the settings in force: those of Kafka Streams, and what its clients are given beside their defaults. */
    private static Map<String, String> effective(Settings settings) {
        StreamsConfig config = new StreamsConfig(settings.properties());
        Map<String, String> shown = new TreeMap<>();
        settings.properties().forEach((name, value) -> show(shown, name, value));
        config.values().forEach((name, value) -> show(shown, name, value));
        config.getMainConsumerConfigs("", "", 0).forEach((name, value) -> show(shown, "consumer." + name, value));
        config.getProducerConfigs("").forEach((name, value) -> show(shown, "producer." + name, value));
        return shown;
    }

    private static void show(Map<String, String> shown, String name, Object value) {
        boolean secret = value instanceof Password || secretWords().stream().anyMatch(name.toLowerCase()::contains);
        shown.put(name, secret ? "******" : String.valueOf(value));
    }

    private static List<String> secretWords() {
        return List.of("secret", "password", "passwd", "token", "credential", "access.key", "accesskey", "jaas");
    }

    private static String words(Throwable error) {
        Throwable cause = error;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return "Kafka Streams: " + (cause.getMessage() == null ? cause.toString() : cause.getMessage());
    }

    private static synchronized void say(String type, Map<String, Object> fields) throws RuntimeException {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("type", type);
        message.putAll(fields);
        try {
            System.out.println(JSON.writeValueAsString(message));
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
        System.out.flush();
    }
}
