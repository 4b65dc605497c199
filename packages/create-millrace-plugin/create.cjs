#!/usr/bin/env node
// `npm create millrace-plugin source NAME` is `millrace plugin new source NAME`.
'use strict'
var path = require('path')
var childProcess = require('child_process')

var program = path.join(path.dirname(require.resolve('millrace/package.json')), 'bin', 'millrace.cjs')
var run = childProcess.spawnSync(process.execPath, [program, 'plugin', 'new'].concat(process.argv.slice(2)), { stdio: 'inherit' })
process.exit(run.status === null ? 1 : run.status)
