// The suite runs with the server that MILLRACE_TEST_SEARCH_SERVER names; by itself that is Elasticsearch.
await import('./documents-suite.ts')
