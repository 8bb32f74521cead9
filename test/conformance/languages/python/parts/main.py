from shapes.square import area
import helper

print('parts', helper.plus(area(6)))
