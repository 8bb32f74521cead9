print('it ran')
def broken(:
    pass
