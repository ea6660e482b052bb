/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The shortest life: linked statically, so that its execution is all there is to see of it. */
int main(void)
{
        return 0;
}
