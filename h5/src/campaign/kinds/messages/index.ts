/** 寄语墙. */
import type { Kind } from '../../kind'
import Prompt from './Prompt.vue'
import Result from './Result.vue'
import Wall from './Wall.vue'
import Write from './Write.vue'
import './messages.css'

export { mount } from '../../main'
export const kind: Kind = {
  words: {
    start: '写下寄语', look: '写一句试试', peek: '看看寄语墙', done: '寄语已写下', anew: '', total: '人写下寄语', nobody: '欢迎您写下第一句寄语',
    again: '您已寄语，您是第', nth: '位写下寄语的人', act: '寄语', may: '看寄语、试着写一句',
  },
  act: Write,
  front: Prompt,
  foot: Wall,
  result: Result,
  ownWords: true,
}
