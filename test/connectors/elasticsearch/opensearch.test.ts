process.env['MILLRACE_TEST_SEARCH_SERVER'] = 'opensearch'
await import('./documents-suite.ts')
