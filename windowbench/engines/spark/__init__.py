"""What the Spark job knows beside Spark: settings, checkpoint, reports. No module here imports pyspark."""
