/**
 * `millrace/testing`: what a plugin is tested with. The laws are the contract's promises as tests: any source, sink, transform, predicate or
 * converter can be put to them, with `node:test` (`sourceLaws` ...), all at once (`pluginLaws`), or by `millrace plugin test`.
 */
export { converterLaws, converterLawsOf, type ConverterSample } from './converter-laws.ts'
export { definitionLawsOf, type Defined } from './definition-laws.ts'
export { findingsOf, testLaws, type Finding, type Law } from './law.ts'
export { runInMemory, type CrashPoint, type MemoryRun, type MemoryRunOptions, type RejectedRecord } from './memory-run.ts'
export { converterOf, predicateOf, sinkOf, sourceOf, taskContext, transformOf } from './parts.ts'
export { checkPlugin, lawsOfPlugin, numbered, pluginLaws, type PartLaws } from './plugin-laws.ts'
export {
  definePluginTest,
  type ConverterTest,
  type Downstream,
  type PluginTest,
  type SinkTest,
  type SourceTest,
  type TransformTest,
  type Upstream,
} from './plugin-test.ts'
export { sinkLaws, sinkLawsOf, type SinkPromises, type SinkUnderTest } from './sink-laws.ts'
export { sourceLaws, sourceLawsOf, type SourceUnderTest } from './source-laws.ts'
export { predicateLawsOf, transformLaws, transformLawsOf } from './transform-laws.ts'
export { recordFault, valueFault } from './value-fault.ts'
