import path from 'node:path';
import { defineConfig } from 'vite';

/** The page of `claviger console`: files that need nothing from elsewhere, and nothing inline. */
export default defineConfig({
  root: path.join(import.meta.dirname, 'src/console/page'),
  base: './',
  publicDir: 'public',
  logLevel: 'warn',
  build: {
    outDir: path.join(import.meta.dirname, 'dist/console/page'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: false,
    target: 'es2022',
    reportCompressedSize: false,
  },
});
