// npm calls this in a checkout, and also where a package that was installed is linked (`npm install ../node_modules/millrace`): that is built already.
'use strict'
var fs = require('fs')
var path = require('path')
var childProcess = require('child_process')

var root = path.join(__dirname, '..')
if (fs.existsSync(path.join(root, 'tsconfig.build.json'))) childProcess.execSync('npm run build', { cwd: root, stdio: 'inherit' })
