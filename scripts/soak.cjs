// The crash tests at full length: a million changes through Kafka. Half an hour; not part of `npm test`.
'use strict'
process.env.MILLRACE_CRASH_RECORDS = process.env.MILLRACE_CRASH_RECORDS || '1000000'
process.argv.push('test/crash')
require('./test.cjs')
