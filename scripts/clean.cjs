// Removes the folders named as arguments: `rm -rf` that works on every system.
const { rmSync } = require('node:fs')
for (const folder of process.argv.slice(2)) rmSync(folder, { recursive: true, force: true })
