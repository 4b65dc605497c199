import type { ConverterDef } from '../contract/converter.ts'
import { avro } from './avro/index.ts'
import { byteArray } from './byte-array.ts'
import { jsonSchema } from './json-schema/index.ts'
import { json } from './json.ts'
import { primitives } from './primitives.ts'
import { protobuf } from './protobuf/index.ts'
import { simpleHeader } from './simple-header.ts'
import { string } from './string.ts'

/** The converters that are built in. */
export const converters: readonly ConverterDef[] = [json, string, byteArray, ...primitives, simpleHeader, avro, jsonSchema, protobuf]
