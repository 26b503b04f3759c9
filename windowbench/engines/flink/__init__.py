"""What the Flink job knows beside Flink: settings and what its REST interface says. No module here imports pyflink."""
