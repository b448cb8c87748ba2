"""The recipes of `jobs/clusters`, carried out on hosts made of namespaces of one machine: `make rehearse`."""
