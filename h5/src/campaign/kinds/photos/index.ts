/** 照片墙. */
import type { Kind } from '../../kind'
import Front from './Front.vue'
import { deliver } from './photo'
import Result from './Result.vue'
import Send from './Send.vue'
import Wall from './Wall.vue'
import './photos.css'

export { mount } from '../../main'
export const kind: Kind = {
  words: {
    start: '我要晒照片', look: '选一张试试', peek: '看照片墙', done: '看看照片墙', anew: '', total: '人晒了照片', nobody: '欢迎您传第一张照片',
    again: '您已参加，您是第', nth: '位晒照片的人', act: '照片', may: '看照片墙',
  },
  act: Send,
  front: Front,
  foot: Wall,
  result: Result,
  ownWords: true,
  deliver,
}
