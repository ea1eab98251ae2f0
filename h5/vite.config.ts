/**
 * One project, three builds, chosen by `--mode`:
 * `citizen` is campaign.html alone, so that its Vue holds only what that page uses (its budget is 40 KB gzipped);
 * `class` is class.html, for a classroom's board: the same old engines, and nothing shared with the citizens' page;
 * `pages` is every other page (phone, screen, console) that exists.
 * Both write to ../assets/h5, served under /static/. `build.mjs` runs them one after the other.
 */
import { existsSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import { mockServer } from './dev/mock.ts'
import { campaignShell } from './src/build/shell.ts'

const root = import.meta.dirname
/** Each kind of campaign is an entry of its own, loaded for its campaigns alone. */
const kinds = readdirSync(resolve(root, 'src/campaign/kinds'))
const pages = ['phone', 'screen', 'console'].filter((name) => existsSync(resolve(root, `${name}.html`)))

/** Names of components are for developers' tools alone: a tenth of a kilobyte on every phone. */
const nameless = { name: 'nameless', apply: 'build' as const, transform: (code: string, id: string) => (id.includes('.vue') ? code.replace(/__name: ['"]\w+['"],?/, '') : null) }

export default defineConfig(({ mode, command }) => {
  const board = mode === 'class'
  const citizen = mode === 'citizen' || board
  const names = board ? ['class'] : citizen ? ['campaign'] : pages
  return {
    root,
    base: '/static/',
    publicDir: citizen && !board ? 'public' : false,
    // Unhoisted and uncached templates are 1 KB smaller gzipped, and this page draws little.
    plugins: [vue(citizen ? { template: { compilerOptions: { cacheHandlers: false, hoistStatic: false } } } : {}), ...(citizen ? [nameless] : []), campaignShell(), ...(command === 'serve' && mode !== 'test' ? [mockServer()] : [])],
    define: {
      // Element Plus has components written with the options API; the campaign page has none.
      __VUE_OPTIONS_API__: JSON.stringify(!citizen),
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    },
    build: {
      outDir: resolve(root, '../assets/h5'),
      emptyOutDir: citizen && !board,
      // WeChat's oldest webviews in use (Android X5 on Chrome 64, iOS 12); staff use a current browser.
      target: citizen ? ['chrome64', 'safari12'] : ['chrome87', 'safari14'],
      cssTarget: citizen ? ['chrome64', 'safari12'] : ['chrome87', 'safari14'],
      modulePreload: citizen ? false : { polyfill: true },
      // Terser is slower than the default and half a kilobyte smaller: worth it where every phone pays.
      minify: citizen ? 'terser' as const : true,
      // "unsafe" are terser's names for what holds as long as nobody changes built-ins or calls `new` on a plain function; neither we
      // nor Vue do; symbols lose their descriptions. 200 bytes.
      terserOptions: { ecma: 2015 as const, module: true, compress: { passes: 5, pure_getters: true, keep_fargs: false, unsafe: true, unsafe_arrows: true, unsafe_comps: true, unsafe_methods: true, unsafe_math: true, unsafe_proto: true, unsafe_regexp: true, unsafe_symbols: true } },
      assetsInlineLimit: 0, // the pages' content policy allows no data: scripts, and a hashed file is cached for good
      chunkSizeWarningLimit: 1500,
      rollupOptions: {
        input: Object.assign(
          Object.fromEntries(names.map((name) => [name, resolve(root, `${name}.html`)])),
          // Entries of their own, named by the page's HTML: an import() would bring Vite's preloader, 1 KB for nothing.
          citizen && !board ? Object.fromEntries(['main', 'code', 'later', 'turned', 'told'].map((name) => [name, resolve(root, `src/campaign/${name}.ts`)])) : {},
          citizen && !board ? Object.fromEntries(kinds.map((kind) => [`kind-${kind}`, resolve(root, `src/campaign/kinds/${kind}/index.ts`)])) : {},
        ),
        // What kinds share is exported by the main script, which stands alone.
        preserveEntrySignatures: citizen ? ('allow-extension' as const) : ('exports-only' as const),
      },
    },
    test: { environment: 'jsdom', testTimeout: 60_000, include: ['src/**/*.test.ts', 'tests/**/*.test.ts'] },
  }
})
