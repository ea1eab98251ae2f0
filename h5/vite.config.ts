/**
 * One project, two builds, chosen by `--mode`:
 * `citizen` is campaign.html alone, so that its Vue holds only what that page uses (its budget is 40 KB gzipped);
 * `pages` is every other page (phone, screen, console) that exists.
 * Both write to ../assets/h5, served under /static/. `build.mjs` runs them one after the other.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import { mockServer } from './dev/mock.ts'
import { campaignShell } from './src/build/shell.ts'

const root = import.meta.dirname
const pages = ['phone', 'screen', 'console'].filter((name) => existsSync(resolve(root, `${name}.html`)))

export default defineConfig(({ mode, command }) => {
  const citizen = mode === 'citizen'
  const names = citizen ? ['campaign'] : pages
  return {
    root,
    base: '/static/',
    publicDir: citizen ? 'public' : false,
    // Unhoisted and uncached templates are 1 KB smaller gzipped, and this page draws little.
    plugins: [vue(citizen ? { template: { compilerOptions: { cacheHandlers: false, hoistStatic: false } } } : {}), campaignShell(), ...(command === 'serve' && mode !== 'test' ? [mockServer()] : [])],
    define: {
      // Element Plus has components written with the options API; the campaign page has none.
      __VUE_OPTIONS_API__: JSON.stringify(!citizen),
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    },
    build: {
      outDir: resolve(root, '../assets/h5'),
      emptyOutDir: citizen,
      // WeChat's oldest webviews in use (Android X5 on Chrome 64, iOS 12); staff use a current browser.
      target: citizen ? ['chrome64', 'safari12'] : ['chrome87', 'safari14'],
      cssTarget: citizen ? ['chrome64', 'safari12'] : ['chrome87', 'safari14'],
      modulePreload: citizen ? false : { polyfill: true },
      // Terser is slower than the default and half a kilobyte smaller: worth it where every phone pays.
      minify: citizen ? 'terser' as const : true,
      terserOptions: { ecma: 2015 as const, module: true, compress: { passes: 3, pure_getters: true, keep_fargs: false } },
      assetsInlineLimit: 0, // the pages' content policy allows no data: scripts, and a hashed file is cached for good
      chunkSizeWarningLimit: 1500,
      rollupOptions: {
        input: Object.assign(
          Object.fromEntries(names.map((name) => [name, resolve(root, `${name}.html`)])),
          // Entries of their own, named by the page's HTML: an import() would bring Vite's preloader, 1 KB for nothing.
          citizen ? { main: resolve(root, 'src/campaign/main.ts'), code: resolve(root, 'src/campaign/code.ts') } : {},
        ),
        preserveEntrySignatures: 'exports-only' as const,
      },
    },
    test: { environment: 'jsdom', include: ['src/**/*.test.ts', 'tests/**/*.test.ts'] },
  }
})
