#!/usr/bin/env node
// Written for any Node: it must still parse where Node is too old to run the rest, to say so in one line.
'use strict'
var fs = require('fs')
var path = require('path')
var url = require('url')

var need = [22, 22]
var have = process.versions.node.split('.').map(Number)
if (have[0] < need[0] || (have[0] === need[0] && have[1] < need[1])) {
  process.stderr.write(
    'millrace needs Node ' +
      need.join('.') +
      ' or newer and this is ' +
      process.version +
      ': install Node 24, or in a checkout use the npm scripts (npm run demo, npx millrace ...), which bring Node 24 along.\n',
  )
  process.exit(2)
}

// Compiled code is kept between runs, for the hosts too: a third of the start-up time.
var compileCache = require('module').enableCompileCache
if (compileCache) {
  var cached = compileCache()
  if (cached.directory && !process.env.NODE_COMPILE_CACHE) process.env.NODE_COMPILE_CACHE = cached.directory
}

var root = path.join(__dirname, '..')
var built = path.join(root, 'dist', 'cli', 'main.js')
var source = path.join(root, 'cli', 'main.ts')
var entry = fs.existsSync(built) && !process.env.MILLRACE_FROM_SOURCE ? built : source
if (!fs.existsSync(entry)) {
  process.stderr.write('millrace is not built: run "npm run build" in ' + root + '\n')
  process.exit(2)
}
import(url.pathToFileURL(entry).href)
