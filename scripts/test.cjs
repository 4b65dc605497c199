// Runs the test suite under the Node that is first on the PATH of npm scripts. Arguments narrow it: `npm test -- test/runtime`.
'use strict'
var fs = require('fs')
var path = require('path')
var childProcess = require('child_process')

if (Number(process.versions.node.split('.')[0]) < 22) {
  process.stderr.write(
    'The tests need Node 22.22 or newer, this is ' + process.version + ': run "npm ci" first, which brings Node 24 along.\n',
  )
  process.exit(2)
}

var wanted = process.argv.slice(2).filter(function (argument) {
  return argument.charAt(0) !== '-'
})
var flags = process.argv.slice(2).filter(function (argument) {
  return argument.charAt(0) === '-'
})
var files = (wanted.length > 0 ? wanted : ['test']).reduce(function (all, place) {
  return all.concat(testFiles(place))
}, [])
if (files.length === 0) {
  process.stderr.write('No test files match ' + wanted.join(' ') + '\n')
  process.exit(2)
}
// The judge's Python packages are installed once, before test files that run side by side would each try.
childProcess.spawnSync(
  process.execPath,
  ['--disable-warning=ExperimentalWarning', '-e', "import('./test/judge.ts').then(({ Judge }) => Judge.open()?.[Symbol.asyncDispose]())"],
  { stdio: 'inherit', cwd: path.join(__dirname, '..') },
)

// So are Kafka, its tools and a schema registry, where Java is there.
childProcess.spawnSync(
  process.execPath,
  ['--disable-warning=ExperimentalWarning', '-e', "import('./test/downloads.ts').then(({ fetchAll }) => fetchAll())"],
  { stdio: 'inherit', cwd: path.join(__dirname, '..') },
)

var run = childProcess.spawnSync(
  process.execPath,
  ['--disable-warning=ExperimentalWarning', '--test', '--test-timeout=600000', '--test-concurrency=2'].concat(flags, files),
  { stdio: 'inherit' },
)
process.exit(run.status === null ? 1 : run.status)

function testFiles(place) {
  if (fs.statSync(place).isFile()) return [place]
  return fs
    .readdirSync(place, { recursive: true })
    .map(function (name) {
      return path.join(place, String(name))
    })
    .filter(function (name) {
      // Sample plugins are packages of their own: test/integration/packed.test.ts runs their tests as their users would.
      var sample = name.indexOf(path.join('test', 'plugins') + path.sep) >= 0
      return name.endsWith('.test.ts') && name.indexOf('node_modules') < 0 && !sample
    })
    .sort()
}
