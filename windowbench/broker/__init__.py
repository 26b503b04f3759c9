"""The embedded broker: a real Kafka of one node, its storage and its archive."""
