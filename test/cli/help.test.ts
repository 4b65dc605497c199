import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Command } from 'commander'
import { createProgram } from '../../cli/program.ts'
import { runCommand } from './command.ts'

const place = join(import.meta.dirname, 'help.txt')

test('the help of every verb is as it was agreed; UPDATE_HELP=1 writes it anew', () => {
  const program = createProgram()
  program.configureHelp({ helpWidth: 120 })
  const text = [program, ...program.commands].flatMap(helpOf).join('\n')
  if (process.env['UPDATE_HELP']) writeFileSync(place, text)
  assert.equal(text, readFileSync(place, 'utf8'))
})

test('help is no error; a wrong verb, option or argument exits with 2 and says where help is', async () => {
  for (const args of [['--help'], ['status', '--help'], ['help', 'apply'], ['offsets', 'set', '-h']]) {
    const { code, out, err } = await runCommand(args)
    assert.deepEqual([code, out.startsWith('Usage: millrace'), err], [0, true, ''], args.join(' '))
  }
  const wrong = [['stauts'], ['status', '--no-such'], ['apply'], ['status', '-o', 'xml'], ['stop', 'a', '--wait', '5'], ['restart', 'a', '--task', '-1'], ['list', 'x']] // prettier-ignore
  for (const args of wrong) {
    const { code, out, err } = await runCommand(args)
    assert.deepEqual([code, out], [2, ''], args.join(' '))
    assert.match(err, /^error: .*\n(\(Did you mean .*\)\n)?(\n?\(--help shows how it is called\)\n)$/)
  }
  assert.equal((await runCommand([])).code, 2)
  assert.match((await runCommand(['--version'])).out, /^\d+\.\d+\.\d+\n$/)
})

/** Hidden verbs, and those of plugin packages, which have tests of their own, are left out. */
function helpOf(command: Command): readonly string[] {
  if (['__complete', 'plugin'].includes(command.name())) return []
  command.configureHelp({ helpWidth: 120 })
  const below = command.parent === null ? [] : command.commands.flatMap(helpOf)
  return [command.helpInformation(), ...below]
}
