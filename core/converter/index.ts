import type { ConverterDef } from '../contract/converter.ts'
import { json } from './json.ts'

/** The converters that are built in. */
export const converters: readonly ConverterDef[] = [json]
