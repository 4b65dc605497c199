import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'node:test'

const preload = pathToFileURL(join(import.meta.dirname, '../own-package.ts')).href
const errors = JSON.stringify(join(import.meta.dirname, '../../core/contract/errors.ts'))

test('a plugin gets the contract of the worker that runs it, whatever lies in its own node_modules', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-own-'))
  try {
    mkdirSync(join(folder, 'node_modules/millrace'), { recursive: true })
    writeFileSync(
      join(folder, 'node_modules/millrace/package.json'),
      '{"name": "millrace", "version": "9.9.9", "type": "module", "main": "other.js"}',
    )
    writeFileSync(join(folder, 'node_modules/millrace/other.js'), 'export const ConfigError = "another copy"')
    writeFileSync(
      join(folder, 'module.mjs'),
      "import { ConfigError } from 'millrace'\nimport { runInMemory } from 'millrace/testing'\nexport { ConfigError, runInMemory }",
    )
    writeFileSync(join(folder, 'script.cjs'), "exports.ConfigError = require('millrace').ConfigError")
    const program = `
      const { ConfigError } = await import(${errors})
      const from = (name) => import(${JSON.stringify(pathToFileURL(folder + '/').href)} + name)
      const a = await from('module.mjs')
      const b = await from('script.cjs')
      console.log(a.ConfigError === ConfigError, b.ConfigError === ConfigError, typeof a.runInMemory)
    `
    const flags = ['--disable-warning=ExperimentalWarning', `--import=${preload}`, '--input-type=module', '-e', program]
    assert.equal(execFileSync(process.execPath, flags, { encoding: 'utf8', cwd: folder }).trim(), 'true true function')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
