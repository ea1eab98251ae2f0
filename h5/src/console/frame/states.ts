/** The states of a campaign: words and colour. */
import { both } from './words'

export const STATES = both(
  { draft: '草稿', scheduled: '未开始', open: '进行中', paused: '已暂停', frozen: '已结束', archived: '已归档' } as Record<string, string>,
  { draft: 'Draft', scheduled: 'Scheduled', open: 'Open', paused: 'Paused', frozen: 'Ended', archived: 'Archived' },
)
export const TONES: Record<string, string> = { open: 'good', paused: 'look' }
