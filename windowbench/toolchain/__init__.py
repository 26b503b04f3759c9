"""What has to be on the machine: Java, jars and their locks, class archives."""
