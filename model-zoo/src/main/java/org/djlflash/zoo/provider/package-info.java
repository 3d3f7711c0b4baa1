/** How DJL finds and loads our models: model zoo, block factories, translators. */
package org.djlflash.zoo.provider;
