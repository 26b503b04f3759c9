"""The embedded Kafka: finding Java, retrieving and checking jars, starting and stopping a broker."""
