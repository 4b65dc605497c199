import { definePlugin } from '../contract/plugin.ts'
import { converters } from './index.ts'

/** The built-in converters, offered like any plugin's. */
export default definePlugin({ name: 'converters', version: '0.1.0', api: 1, converters })
