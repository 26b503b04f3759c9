"""The settings of one run put together: the groups of every run, those of its workload and its engine, profiles."""
