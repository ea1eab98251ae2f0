import type { Plugin } from 'vite'
export function campaignShell(): Plugin { return { name: 'campaign-shell' } }
