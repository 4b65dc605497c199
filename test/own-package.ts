import { serveOwnPackage } from '../core/runtime/own-package.ts'

/** With `--import`: `millrace` is this checkout to every module of the process, as it is in the worker's hosts. */
serveOwnPackage()
