import { CommanderError } from 'commander'
import { exitCodes, tell } from './exit.ts'
import { createProgram } from './program.ts'

// A reader that has seen enough (| head) ends a command quietly; what runs things has to stop them first.
if (!['worker', 'demo'].includes(process.argv[2] ?? '')) {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
}

try {
  await createProgram().parseAsync(process.argv)
} catch (error) {
  // Commander has said what is wrong with the call, or printed the help that was asked for.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.wrong
  else tell(error)
}
