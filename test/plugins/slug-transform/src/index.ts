import { defineConfig, definePlugin, transform } from 'millrace'
import { Slug } from './slug.ts'

const config = defineConfig({
  field: { type: 'string', required: true, doc: 'Field of the value whose text is read.' },
  target: { type: 'string', default: 'slug', doc: 'Field that gets the slug; one of that name is replaced.' },
  'length.max': { type: 'int', default: 80, min: 1, doc: 'Most characters of a slug.' },
})

export default definePlugin({
  name: 'millrace-plugin-slug',
  version: '1.0.0',
  api: 1,
  transforms: [
    transform({
      class: 'Slug',
      doc: 'Adds the slug of a text field: lower case, without accents, with hyphens.',
      config,
      create: (settings) => new Slug(settings),
    }),
  ],
})
