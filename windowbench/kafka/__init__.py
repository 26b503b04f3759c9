"""Everything that talks to Kafka; the only importer of the Kafka client libraries."""
