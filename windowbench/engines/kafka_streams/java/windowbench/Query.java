package windowbench;

import java.util.List;

/** What a workload asks: which events there are, by what they are grouped, and what a row of the results says. */
interface Query {
    /** The kinds of event that each input topic holds. */
    List<List<String>> kinds();

    /** Name of the field that events are grouped by, an integer. */
    String key();

    /**
     * Returns a row as JSON.
     *
     * @param revision number of the row among those of its key and window
     */
    String row(String runId, long key, long startMs, long endMs, Counts counts, int revision);

    static Query of(String workload) {
        return switch (workload) {
            case "ad_ctr" -> new AdCtr();
            case "product_ctr" -> new ProductCtr();
            default -> throw new IllegalArgumentException("there is no query for the workload " + workload);
        };
    }

    /** Views, clicks and purchases of each campaign. */
    record AdCtr() implements Query {
        @Override
        public List<List<String>> kinds() {
            return List.of(List.of("view", "click", "purchase"));
        }

        @Override
        public String key() {
            return "campaign_id";
        }

        @Override
        public String row(String runId, long key, long startMs, long endMs, Counts counts, int revision) {
            long views = counts.ofKind()[0];
            long clicks = counts.ofKind()[1];
            return new Row(runId)
                    .with("campaign_id", key)
                    .with("window_start", startMs)
                    .with("window_end", endMs)
                    .with("views", views)
                    .with("clicks", clicks)
                    .with("purchases", counts.ofKind()[2])
                    .with("events", counts.total())
                    .with("max_produce_time", counts.produceMs())
                    .with("max_event_time_ns", counts.eventNs())
                    .with("ctr", clicks, views)
                    .with("ctr_smoothed", clicks, views + 1)
                    .json();
        }
    }

    /** Impressions and clicks of each product, in topics of their own. */
    record ProductCtr() implements Query {
        @Override
        public List<List<String>> kinds() {
            return List.of(List.of("impression"), List.of("click"));
        }

        @Override
        public String key() {
            return "product_id";
        }

        @Override
        public String row(String runId, long key, long startMs, long endMs, Counts counts, int revision) {
            long impressions = counts.ofKind()[0];
            long clicks = counts.ofKind()[1];
            return new Row(runId)
                    .with("product_id", key)
                    .with("window_start", startMs)
                    .with("window_end", endMs)
                    .with("impressions", impressions)
                    .with("clicks", clicks)
                    .with("revision", revision)
                    .with("max_produce_time", counts.produceMs())
                    .with("ctr", clicks, impressions)
                    .json();
        }
    }
}
