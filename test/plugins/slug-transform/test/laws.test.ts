import { pluginLaws } from 'millrace/testing'
import tested from '../millrace.test.ts'
import plugin from '../src/index.ts'

pluginLaws(plugin, tested)
