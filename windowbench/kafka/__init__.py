"""Everything that talks to Kafka. The only place that imports a Kafka client."""
