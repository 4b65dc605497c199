/// <reference lib="esnext.disposable" preserve="true" />
/** The package `millrace`: what plugins are written with, and `runConnector` for programs. Importing it loads neither worker nor connectors. */
export * from './core/index.ts'
export {
  ConnectorFailedError,
  runConnector,
  type RunningConnector,
  type RunningProgress,
  type RunningStatus,
  type RunOptions,
} from './embed/run-connector.ts'
