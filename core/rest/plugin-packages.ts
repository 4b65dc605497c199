import type { Control } from '../runtime/control.ts'
import { flag, ok, type Route } from './route.ts'

/** /api/v1/plugins: the packages behind the classes of /connector-plugins. Nothing is imported by asking. */
export function pluginPackageRoutes({ plugins }: Pick<Control, 'plugins'>): readonly Route[] {
  return [
    { method: 'GET', path: '/api/v1/plugins', answer: () => ok(plugins.list()) },
    { method: 'POST', path: '/api/v1/plugins/refresh', answer: async () => ok(await plugins.refresh()) },
    {
      method: 'DELETE',
      path: '/api/v1/plugins/:package/:version',
      answer: async (call) => {
        await plugins.remove(call.param('package'), call.param('version'), { force: flag(call.query, 'force', false) })
        return { status: 204 }
      },
    },
  ]
}
