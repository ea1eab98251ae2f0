/** The words of the media picker. */
import { both } from './words'

export const words = both(
  {
    choose: '从媒体库选择', change: '更换', remove: '移除', none: '还没有选择', gone: '媒体库里没有这个文件了，请另选一个', title: { image: '选择图片', video: '选择视频', audio: '选择音频' } as Record<string, string>, search: '按名称、说明、来源查找', folder: '文件夹', allFolders: '全部文件夹',
    upload: '上传新文件', uploadHint: '也可以把文件拖进来或粘贴，传完自动选中。', dropNow: '松开即上传', list: '媒体库里的文件', nothing: '媒体库里还没有这类文件', nothingTeach: '点“上传新文件”，传完就在这里。', noMatch: '没有符合条件的文件', clear: '清除条件',
    chosen: (name: string) => `已选“${name}”`, notChosen: '请在上面选一个', use: '使用', cancel: '取消', alt: '替代文字', altHint: '说出画面里有什么，给看不见图片的人听，例如“学生们向国旗敬礼”。', decorative: '仅作装饰，朗读时跳过', needAlt: '没有替代文字的图片不能用在页面上：请填写，或标明仅作装饰', noAlt: '缺替代文字', uploading: (percent: number) => `正在上传 ${percent}%`, making: '正在检查与处理…', goOn: '继续', giveUp: '取消上传',
  },
  {
    choose: 'Choose from the library', change: 'Change', remove: 'Remove', none: 'Nothing chosen yet', gone: 'This file is no longer in the library: choose another', title: { image: 'Choose a picture', video: 'Choose a film', audio: 'Choose a sound' }, search: 'Name, alt text, credit', folder: 'Folder', allFolders: 'All folders',
    upload: 'Upload a file', uploadHint: 'Or drop or paste it here: it is chosen once it is in.', dropNow: 'Let go to upload', list: 'Files of the library', nothing: 'The library has none of this kind yet', nothingTeach: 'Upload a file and it stands here.', noMatch: 'Nothing matches', clear: 'Clear',
    chosen: (name) => `"${name}" is chosen`, notChosen: 'Choose one above', use: 'Use it', cancel: 'Cancel', alt: 'Alt text', altHint: 'Say what the picture shows, for those who cannot see it: "Pupils salute the flag".', decorative: 'Decoration only, not read aloud', needAlt: 'A picture without alt text cannot stand on a page: write it, or mark it as decoration', noAlt: 'No alt text', uploading: (percent) => `Uploading ${percent}%`, making: 'Being checked and made ready…', goOn: 'Go on', giveUp: 'Cancel the upload',
  },
)
